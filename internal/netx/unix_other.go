//go:build windows || plan9

package netx

func restrictSocket(uintptr) {}
