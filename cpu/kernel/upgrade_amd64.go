package kernel

// upgrade replaces portable kernels by those of the level.
func upgrade(s *Set, level Level) {}
