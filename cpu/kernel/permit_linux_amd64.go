package kernel

import "golang.org/x/sys/unix"

// permitTiles asks Linux for the tiles' 8 KiB in the state of every thread, which it gives only to processes that ask (arch_prctl in
// Documentation/arch/x86/xstate.rst). A system without that call, or that forbids it, refuses.
func permitTiles() bool {
	const (
		requestPermission = 0x1023 // ARCH_REQ_XCOMP_PERM
		tileData          = 18     // XFEATURE_XTILEDATA
	)
	_, _, errno := unix.RawSyscall(unix.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return errno == 0
}
