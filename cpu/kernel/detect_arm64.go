package kernel

// levels are those of this architecture, in increasing order: each needs what the one before needs.
var levels = []Level{Plain, NEON}

// Detect returns the highest level that this processor and operating system can run: every processor that Go supports on
// this architecture has vectors.
func Detect() Level { return NEON }

// Features names the extensions of the instruction set that Detect asks for, as the kernel of Linux calls them.
func Features() []string { return []string{"asimd"} }
