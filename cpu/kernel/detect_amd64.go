package kernel

import "golang.org/x/sys/cpu"

// feature is an extension of the instruction set.
type feature struct {
	name string
	here bool
}

// The extensions that each level adds to those of the one before.
var (
	ofAVX2 = []feature{{"avx2", cpu.X86.HasAVX2}, {"fma", cpu.X86.HasFMA}, {"bmi2", cpu.X86.HasBMI2}}

	ofAVX512 = []feature{{"avx512f", cpu.X86.HasAVX512F}, {"avx512bw", cpu.X86.HasAVX512BW}, {"avx512dq", cpu.X86.HasAVX512DQ}, {"avx512vl", cpu.X86.HasAVX512VL}}

	ofBF16 = []feature{{"avx512bf16", cpu.X86.HasAVX512BF16}}

	ofAMX = []feature{{"amxtile", cpu.X86.HasAMXTile}, {"amxbf16", cpu.X86.HasAMXBF16}}
)

// levels are those of this architecture, in increasing order: each needs what the one before needs.
var levels = []Level{Plain, AVX2, AVX512, AVX512BF16, AMX}

// Features names the extensions that this processor and operating system have, of those that Detect asks for; those of AMX also where the
// operating system refuses them.
func Features() (names []string) {
	for _, list := range [][]feature{ofAVX2, ofAVX512, ofBF16, ofAMX} {
		for _, f := range list {
			if f.here {
				names = append(names, f.name)
			}
		}
	}
	return names
}

// Detect returns the highest level that this processor and operating system can run, of those that pay there. The first call asks the operating
// system for the matrix unit's registers.
func Detect() Level {
	switch {
	case !all(ofAVX2):
		return Plain
	case !all(ofAVX512):
		return AVX2
	case !all(ofBF16):
		return AVX512
	case all(ofAMX) && tilesAllowed():
		return AMX
	case !pairsAreFast():
		return AVX512
	}
	return AVX512BF16
}

func all(list []feature) bool {
	for _, f := range list {
		if !f.here {
			return false
		}
	}
	return true
}

// pairsAreFast tells whether VDPBF16PS outruns multiply-adds of float32: it does on AMD's processors, whereas Intel's of
// the Sapphire and Emerald Rapids generations do fewer products a second with it (0.55 of the rate of float32, measured).
func pairsAreFast() bool {
	b, d, c := cpuVendor()
	return b == 0x68747541 && d == 0x69746e65 && c == 0x444d4163 // "Auth" "enti" "cAMD"
}
