-- The key of the node that is at the address, or was: 32 bytes. None: nobody has proven one there.
ALTER TABLE saved_peers ADD COLUMN key BLOB;
