package kernel

import "golang.org/x/sys/cpu"

// Detect returns the highest level that this processor and operating system can run.
func Detect() Level {
	baseline := cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasBMI2
	wide := baseline && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL
	switch {
	case wide && cpu.X86.HasAVX512BF16 && pairsAreFast():
		return AVX512BF16
	case wide:
		return AVX512
	case baseline:
		return AVX2
	}
	return Plain
}

// pairsAreFast tells whether VDPBF16PS outruns multiply-adds of float32: it does on AMD's processors, whereas Intel's of
// the Sapphire and Emerald Rapids generations do fewer products a second with it (0.55 of the rate of float32, measured).
func pairsAreFast() bool {
	b, d, c := cpuVendor()
	return b == 0x68747541 && d == 0x69746e65 && c == 0x444d4163 // "Auth" "enti" "cAMD"
}
