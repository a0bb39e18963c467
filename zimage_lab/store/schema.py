"""What is in the database, and the steps that brought it there from each earlier layout.

One entry a schema version, never edited once it was released: a file of version n gets the entries from n on. An entry
is a row of steps, each SQL text or a function of the connection, all in one transaction.
Seeds are text: SQLite's integers end at 2**63 - 1.
"""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection
from typing import TypeAlias

from zimage_lab.store.chain import adopt

Step: TypeAlias = str | Callable[[Connection], None]

_FIRST = """
CREATE TABLE jobs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    key TEXT UNIQUE,
    request TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    model TEXT NOT NULL,
    seed TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'invalid_output', 'quarantined')),
    priority INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    error TEXT,
    record_id TEXT,
    submitter_pid INTEGER NOT NULL,
    submitter TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, priority DESC, sequence);
CREATE TABLE attempts (
    job_id TEXT NOT NULL REFERENCES jobs (id),
    number INTEGER NOT NULL,
    engine_id TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process TEXT NOT NULL,
    started_at TEXT NOT NULL,
    heartbeat_at TEXT NOT NULL,
    finished_at TEXT,
    outcome TEXT NOT NULL CHECK (outcome IN
        ('running', 'succeeded', 'failed', 'cancelled', 'interrupted', 'invalid_output')),
    error TEXT,
    PRIMARY KEY (job_id, number)
) STRICT;
CREATE UNIQUE INDEX attempts_running ON attempts (job_id) WHERE outcome = 'running';
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    job_id TEXT NOT NULL,
    state TEXT NOT NULL,
    model TEXT NOT NULL,
    seed TEXT NOT NULL,
    created_at TEXT NOT NULL,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX records_by_job ON records (job_id, sequence);
"""

# A job belongs to whoever is free, not to its submitter, unless `engine` pins it. `deaths` counts the engines that it
# took down; an attempt that was given back on purpose is none. `position` orders
# the jobs of one priority, no two that are alive have the same.
_JOBS = """
DROP INDEX jobs_by_state;
ALTER TABLE jobs DROP COLUMN submitter_pid;
ALTER TABLE jobs DROP COLUMN submitter;
ALTER TABLE jobs ADD COLUMN parent_id TEXT;
ALTER TABLE jobs ADD COLUMN name TEXT;
ALTER TABLE jobs ADD COLUMN source TEXT;
ALTER TABLE jobs ADD COLUMN user TEXT;
ALTER TABLE jobs ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN position REAL NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN engine TEXT;
ALTER TABLE jobs ADD COLUMN retry_of TEXT;
ALTER TABLE jobs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET position = sequence, bytes = length(CAST(request AS BLOB)),
    deaths = (SELECT count(*) FROM attempts WHERE job_id = jobs.id AND outcome = 'interrupted');
CREATE INDEX jobs_by_state ON jobs (state, sequence);
CREATE INDEX jobs_waiting ON jobs (engine, paused, priority DESC, position) WHERE state = 'queued';
CREATE INDEX jobs_in_order ON jobs (priority DESC, position) WHERE state = 'queued';
CREATE INDEX jobs_by_position ON jobs (position) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_by_parent ON jobs (parent_id, sequence) WHERE parent_id IS NOT NULL;
ALTER TABLE attempts ADD COLUMN record_id TEXT;
ALTER TABLE attempts ADD COLUMN beat REAL NOT NULL DEFAULT 0;
CREATE INDEX attempts_interrupted ON attempts (outcome) WHERE outcome = 'interrupted';
CREATE INDEX attempts_by_engine ON attempts (engine_id) WHERE outcome = 'running';
"""

# How many jobs of each state there are, kept by the database itself: nobody counts ten thousand rows to take one in.
_TOTALS = """
CREATE TABLE totals (state TEXT PRIMARY KEY, jobs INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO totals SELECT state, count(*), sum(bytes) FROM jobs GROUP BY state;
CREATE TRIGGER jobs_added AFTER INSERT ON jobs BEGIN
    INSERT INTO totals VALUES (new.state, 1, new.bytes)
        ON CONFLICT (state) DO UPDATE SET jobs = jobs + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN
    UPDATE totals SET jobs = jobs - 1, bytes = bytes - old.bytes WHERE state = old.state;
    INSERT INTO totals VALUES (new.state, 1, new.bytes)
        ON CONFLICT (state) DO UPDATE SET jobs = jobs + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER jobs_removed AFTER DELETE ON jobs BEGIN
    UPDATE totals SET jobs = jobs - 1, bytes = bytes - old.bytes WHERE state = old.state;
END;
"""

# `records` is a chain that nobody may change; `secrets` holds what a person may have erased; `runs` is what is queried.
_RECORDS = """
ALTER TABLE records RENAME TO records_of_layout_1;
DROP INDEX records_by_job;
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('run', 'picture_deleted', 'prompt_erased')),
    about TEXT NOT NULL,
    body TEXT NOT NULL,
    previous TEXT NOT NULL,
    link TEXT NOT NULL
) STRICT;
CREATE INDEX records_about ON records (about, sequence);
CREATE TRIGGER records_stay BEFORE DELETE ON records BEGIN
    SELECT RAISE(ABORT, 'records are never removed');
END;
CREATE TRIGGER records_hold BEFORE UPDATE ON records BEGIN
    SELECT RAISE(ABORT, 'records are never changed');
END;
CREATE TABLE secrets (
    record_id TEXT PRIMARY KEY,
    prompt TEXT NOT NULL,
    negative_prompt TEXT NOT NULL,
    told TEXT NOT NULL,
    salt TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY,
    record_id TEXT NOT NULL UNIQUE,
    job_id TEXT NOT NULL,
    parent_id TEXT,
    state TEXT NOT NULL,
    model TEXT NOT NULL,
    seed TEXT NOT NULL,
    created_at TEXT NOT NULL,
    finished_at TEXT,
    seconds REAL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    prompt TEXT,
    source TEXT,
    error TEXT,
    image_path TEXT,
    bytes INTEGER,
    deleted INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_by_time ON runs (created_at);
CREATE INDEX runs_by_job ON runs (job_id);
CREATE INDEX runs_by_parent ON runs (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX runs_by_model ON runs (model, sequence);
CREATE INDEX runs_by_state ON runs (state, sequence);
"""

_LIVE = """
CREATE TABLE events (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL,
    kind TEXT NOT NULL,
    t REAL NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE TABLE engines (
    id TEXT PRIMARY KEY,
    pid INTEGER NOT NULL,
    process TEXT NOT NULL,
    device TEXT NOT NULL,
    endpoint TEXT,
    shared INTEGER NOT NULL,
    independent INTEGER NOT NULL,
    idle_seconds REAL,
    told TEXT NOT NULL DEFAULT '{}',
    asked TEXT NOT NULL DEFAULT '' CHECK (asked IN ('', 'stop', 'unload')),
    started_at TEXT NOT NULL,
    beat REAL NOT NULL,
    stopped_at TEXT
) STRICT;
CREATE INDEX engines_living ON engines (started_at) WHERE stopped_at IS NULL;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""


# `cursor` is the last stored event that a webhook was held against: what ended while nobody sent is found later. A
# delivery names its job and holds no text of it: a prompt that was erased must not survive here.
_WEBHOOKS = """
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    states TEXT NOT NULL,
    created_at TEXT NOT NULL,
    cursor INTEGER NOT NULL
) STRICT;
CREATE TABLE deliveries (
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
CREATE INDEX deliveries_waiting ON deliveries (due) WHERE state = 'waiting';
"""

# `seen` is the time (Unix seconds) up to which every due run is accounted for.
_SCHEDULES = """
CREATE TABLE schedules (
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
CREATE TABLE schedule_runs (
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

# `binned` is the time (Unix seconds) at which a picture was thrown away; it can be taken back for a while.
_MARKS = """
CREATE TABLE marks (
    record_id TEXT PRIMARY KEY,
    favourite INTEGER NOT NULL DEFAULT 0,
    binned REAL
) STRICT, WITHOUT ROWID;
CREATE INDEX marks_favourite ON marks (record_id) WHERE favourite = 1;
CREATE INDEX marks_binned ON marks (binned) WHERE binned IS NOT NULL;
CREATE TABLE tags (
    record_id TEXT NOT NULL,
    tag TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (record_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag);
"""

# `wish` is what somebody wants done with a sweep; how far it is, its jobs say. `told` holds its grid, prompts and all.
_SWEEPS = """
CREATE TABLE sweeps (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    wish TEXT NOT NULL CHECK (wish IN ('run', 'pause', 'cancel')),
    cells INTEGER NOT NULL,
    told TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

# A comparison as a sweep; its pictures' figures, so that a report needs nothing else; and the votes, which stay as they
# were cast: what was taken back is a row of its own. A session's salt decides order and sides. `until` is a time of the
# machine's monotonic clock: whoever holds a device says so again and again, and what is not said any more is over.
_COMPARISONS = """
CREATE TABLE comparisons (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    wish TEXT NOT NULL CHECK (wish IN ('run', 'pause', 'cancel')),
    cells INTEGER NOT NULL,
    told TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE figures (
    record_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value REAL,
    note TEXT,
    PRIMARY KEY (record_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE rating_sessions (
    id TEXT PRIMARY KEY,
    comparison_id TEXT NOT NULL,
    rater TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('pairs', 'stars')),
    salt TEXT NOT NULL,
    started_at TEXT NOT NULL,
    UNIQUE (comparison_id, rater, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE votes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    comparison_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    rater TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('pair', 'stars', 'skip', 'undo')),
    question TEXT NOT NULL,
    number INTEGER NOT NULL,
    left_record TEXT NOT NULL,
    right_record TEXT,
    choice TEXT CHECK (choice IN ('left', 'right', 'tie')),
    stars INTEGER CHECK (stars BETWEEN 1 AND 5),
    about TEXT,
    seconds REAL,
    cast_at TEXT NOT NULL
) STRICT;
CREATE INDEX votes_by_comparison ON votes (comparison_id, sequence);
CREATE INDEX votes_by_session ON votes (session_id, sequence);
CREATE UNIQUE INDEX votes_undone ON votes (about) WHERE about IS NOT NULL;
CREATE TRIGGER votes_stay BEFORE DELETE ON votes BEGIN
    SELECT RAISE(ABORT, 'votes are never removed');
END;
CREATE TRIGGER votes_hold BEFORE UPDATE ON votes BEGIN
    SELECT RAISE(ABORT, 'votes are never changed');
END;
CREATE TABLE reservations (
    device TEXT PRIMARY KEY,
    parent_id TEXT NOT NULL,
    until REAL NOT NULL
) STRICT, WITHOUT ROWID;
"""

# What HTTP needs besides: who may come, which graph a client sent (it holds prompts, and is erased with them), which
# jobs it became, and the names by which a client knows pictures. `told` of a prompt is its graph and what goes with it.
_HTTP = """
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    per_minute REAL,
    waiting INTEGER,
    created_at TEXT NOT NULL,
    expires_at REAL NOT NULL,
    revoked_at TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE prompts (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    number REAL NOT NULL,
    client_id TEXT,
    told TEXT NOT NULL,
    created_at TEXT NOT NULL,
    hidden INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX prompts_by_owner ON prompts (owner, sequence);
CREATE TABLE prompt_jobs (
    job_id TEXT PRIMARY KEY,
    prompt_id TEXT NOT NULL,
    place INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX prompt_jobs_by_prompt ON prompt_jobs (prompt_id, place);
CREATE TABLE names (
    owner TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('input', 'output', 'temp')),
    subfolder TEXT NOT NULL,
    name TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (owner, kind, subfolder, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE parents (id TEXT PRIMARY KEY, owner TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_by_user ON jobs (user, state, sequence) WHERE user IS NOT NULL;
"""

MIGRATIONS: tuple[tuple[Step, ...], ...] = (
    (_FIRST,),
    (_JOBS, _TOTALS, _RECORDS, _LIVE, _WEBHOOKS, _SCHEDULES, adopt),
    (_MARKS,),
    (_SWEEPS,),
    (_COMPARISONS,),
    (_HTTP,),
)
