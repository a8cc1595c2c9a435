package catalog

import (
	"context"
	"database/sql"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

const hashSize = len(metainfo.HashV2{})

// SetPieceLayers stores piece layers of an object (BEP 52) by the root they hash to, beside those already there.
func (c *Catalog) SetPieceLayers(ctx context.Context, id string, layers map[metainfo.HashV2][]metainfo.HashV2) error {
	return c.write(ctx, "set piece layers", func(tx *sql.Tx) error {
		n, _, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		return putLayers(ctx, tx, n, layers)
	})
}

func putLayers(ctx context.Context, tx *sql.Tx, n int64, layers map[metainfo.HashV2][]metainfo.HashV2) error {
	b := bulk{tx: tx, head: "INSERT OR REPLACE INTO piece_layers (object, root, hashes)"}
	for root, layer := range layers {
		if len(layer) == 0 {
			return invalid("piece layers", "that of %s is empty", root)
		}
		blob := make([]byte, 0, len(layer)*hashSize)
		for _, h := range layer {
			blob = append(blob, h[:]...)
		}
		if err := b.add(ctx, n, root[:], blob); err != nil {
			return err
		}
	}
	return b.flush(ctx)
}

// PieceLayers returns the piece layers stored for an object. Whether they hash to their roots is for the layout to say.
func (c *Catalog) PieceLayers(ctx context.Context, id string) (layers map[metainfo.HashV2][]metainfo.HashV2, err error) {
	layers = make(map[metainfo.HashV2][]metainfo.HashV2)
	err = c.read(ctx, "piece layers", func(tx *sql.Tx) error {
		n, _, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT root, hashes FROM piece_layers WHERE object = ?", n)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var root, blob sql.RawBytes
			if err := rows.Scan(&root, &blob); err != nil {
				return err
			}
			if len(root) != hashSize || len(blob) == 0 || len(blob)%hashSize != 0 {
				return &RecordError{ID: id, Err: invalid("piece layers", "a layer of %d bytes under a root of %d", len(blob), len(root))}
			}
			layer := make([]metainfo.HashV2, len(blob)/hashSize)
			for i := range layer {
				layer[i] = metainfo.HashV2(blob[i*hashSize:])
			}
			layers[metainfo.HashV2(root)] = layer
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return layers, nil
}
