-- What is known about the objects of one home. Blobs that are large and seldom change lie in tables of their own, so
-- that a change of state does not write them again.

-- generation counts the committed transactions: it tells whether the backup is behind.
CREATE TABLE state (
	one        INTEGER PRIMARY KEY CHECK (one = 1),
	generation INTEGER NOT NULL
) STRICT;
INSERT INTO state VALUES (1, 0);

CREATE TABLE settings (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- n is the object's number inside this file, id the name users know. Lists of strings are JSON. Times are milliseconds
-- since 1970, 0 for never.
CREATE TABLE objects (
	n          INTEGER PRIMARY KEY AUTOINCREMENT,
	id         TEXT NOT NULL UNIQUE,
	kind       TEXT NOT NULL,
	state      TEXT NOT NULL,
	name       TEXT NOT NULL,
	root       TEXT NOT NULL,
	dir        INTEGER NOT NULL,
	size       INTEGER NOT NULL,
	v1         BLOB,
	v2         BLOB,
	private    INTEGER NOT NULL,
	trackers   TEXT NOT NULL,
	web_seeds  TEXT NOT NULL,
	peers      TEXT NOT NULL,
	selected   TEXT NOT NULL,
	sequential INTEGER NOT NULL,
	comment    TEXT NOT NULL,
	added      INTEGER NOT NULL,
	done       INTEGER NOT NULL,
	uploaded   INTEGER NOT NULL,
	downloaded INTEGER NOT NULL,
	error      TEXT NOT NULL,
	up_limit   INTEGER NOT NULL,
	down_limit INTEGER NOT NULL,
	side       TEXT NOT NULL,
	files      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX objects_v1 ON objects (v1) WHERE v1 IS NOT NULL;
CREATE INDEX objects_v2 ON objects (v2) WHERE v2 IS NOT NULL;
CREATE INDEX objects_root ON objects (root);

-- The info dictionary as it was hashed.
CREATE TABLE infos (
	object INTEGER PRIMARY KEY REFERENCES objects ON DELETE CASCADE,
	raw    BLOB NOT NULL
) STRICT;

-- The files of an object in its order, each with the identity it had on disk when its bytes were hashed. disk_name is
-- how the disk spells the path, where that differs.
CREATE TABLE files (
	object    INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
	file      INTEGER NOT NULL,
	path      TEXT NOT NULL,
	size      INTEGER NOT NULL,
	disk_name TEXT NOT NULL,
	disk_size INTEGER NOT NULL,
	mtime     INTEGER NOT NULL,
	ctime     INTEGER NOT NULL,
	inode     INTEGER NOT NULL,
	device    INTEGER NOT NULL,
	priority  INTEGER NOT NULL,
	finished  INTEGER NOT NULL,
	PRIMARY KEY (object, file)
) STRICT, WITHOUT ROWID;

-- Verified ranges as a log: what is verified is the union of an object's rows. A transaction adds one row, however many
-- files it speaks of, and now and then the rows are written again as one.
CREATE TABLE verified (
	n      INTEGER PRIMARY KEY,
	object INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
	ranges BLOB NOT NULL
) STRICT;
CREATE INDEX verified_object ON verified (object);

CREATE TABLE piece_layers (
	n      INTEGER PRIMARY KEY,
	object INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
	root   BLOB NOT NULL,
	hashes BLOB NOT NULL,
	UNIQUE (object, root)
) STRICT;

CREATE TABLE digests (
	kind   INTEGER NOT NULL,
	digest BLOB NOT NULL,
	object INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
	file   INTEGER NOT NULL,
	start  INTEGER NOT NULL,
	length INTEGER NOT NULL,
	PRIMARY KEY (kind, digest, object, file, start)
) STRICT, WITHOUT ROWID;
CREATE INDEX digests_object ON digests (object);
