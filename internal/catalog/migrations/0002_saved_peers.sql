-- The peers of an object that the next run should know, the most useful first. Address is IP:PORT, origin who told of it,
-- moved the payload in bytes, seen milliseconds since 1970 (0: never), anchor 1 for those to be dialled before all others.
CREATE TABLE saved_peers (
	object  INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
	place   INTEGER NOT NULL,
	address TEXT NOT NULL,
	origin  INTEGER NOT NULL,
	moved   INTEGER NOT NULL,
	seen    INTEGER NOT NULL,
	anchor  INTEGER NOT NULL,
	PRIMARY KEY (object, place)
) STRICT, WITHOUT ROWID;
