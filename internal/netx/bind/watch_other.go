//go:build !linux

package bind

import "context"

// changes is nil: the interfaces are looked at once in a while.
func changes(context.Context) <-chan struct{} { return nil }
