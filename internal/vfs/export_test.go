package vfs

// Portable is OS as it is where the kernel does not walk names.
func Portable() FS { return portableFS{} }

type portableFS struct{ osFS }

func (portableFS) OpenRoot(dir string) (Root, error) { return openPortably(dir) }
