package kernel

import "golang.org/x/sys/cpu"

// Detect returns the highest level that this processor and operating system can run.
func Detect() Level {
	baseline := cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasBMI2
	wide := baseline && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL
	switch {
	case wide && cpu.X86.HasAVX512BF16:
		return AVX512BF16
	case wide:
		return AVX512
	case baseline:
		return AVX2
	}
	return Plain
}
