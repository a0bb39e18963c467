"""The tables of schedules. `seen` is the time (Unix seconds) up to which every due run is accounted for."""

from __future__ import annotations

TABLES = """
CREATE TABLE IF NOT EXISTS schedules (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cron TEXT NOT NULL,
    zone TEXT NOT NULL,
    command TEXT NOT NULL,
    folder TEXT NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    seen REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS schedule_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    schedule_id INTEGER NOT NULL,
    due REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('running', 'done', 'failed', 'cancelled', 'interrupted', 'skipped', 'missed')),
    times INTEGER NOT NULL DEFAULT 1,
    started_at TEXT,
    finished_at TEXT,
    exit_code INTEGER,
    error TEXT,
    output TEXT,
    UNIQUE (schedule_id, due)
) STRICT;
"""
