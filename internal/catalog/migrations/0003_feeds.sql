-- The feed that an object publishes or follows (BEP 46): its publisher's key and salt, and the item that was
-- last published or taken. feed_role is empty for an object that has to do with none.
ALTER TABLE objects ADD COLUMN feed_role TEXT NOT NULL DEFAULT '';
ALTER TABLE objects ADD COLUMN feed_publisher BLOB;
ALTER TABLE objects ADD COLUMN feed_salt BLOB;
ALTER TABLE objects ADD COLUMN feed_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE objects ADD COLUMN feed_value BLOB;
ALTER TABLE objects ADD COLUMN feed_signature BLOB;

-- Files of an object's version before this one that may still lie on the disk. Path is below the object's root, sum the root of
-- the file's hash tree if it is known.
CREATE TABLE former_files (
	object INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
	place  INTEGER NOT NULL,
	path   TEXT NOT NULL,
	size   INTEGER NOT NULL,
	mtime  INTEGER NOT NULL,
	ctime  INTEGER NOT NULL,
	inode  INTEGER NOT NULL,
	device INTEGER NOT NULL,
	sum    BLOB,
	PRIMARY KEY (object, place)
) STRICT, WITHOUT ROWID;
