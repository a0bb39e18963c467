"""The tables of webhooks.

`cursor` is the last stored event that a webhook was held against: what ended while nobody sent is found later. A
delivery names its job and holds no text of it: a prompt that was erased must not survive here.
"""

from __future__ import annotations

TABLES = """
CREATE TABLE IF NOT EXISTS webhooks (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    states TEXT NOT NULL,
    created_at TEXT NOT NULL,
    cursor INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS deliveries (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    webhook_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    job_state TEXT NOT NULL,
    record_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed', 'dropped')),
    tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    status INTEGER,
    error TEXT,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    UNIQUE (webhook_id, job_id)
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (due) WHERE state = 'waiting';
"""
