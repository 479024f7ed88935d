// Package baseline has the networks that surrogates of fluids are usually compared with, as GoMLX graphs in 2-D and 3-D: the
// Fourier neural operator, the U-Net, and the U-Net of ConvNeXt blocks, each in a file of its own beside its paper.
//
// The one idea: a baseline is what The Well's benchmark calls by that name (arXiv 2412.00568, section 4), so that numbers
// here and there are about the same network. The history's frames are channels, the output is one frame, boundaries are zeros
// around the domain whatever the physics says, and the sizes of the benchmark are presets whose parameters are as many as
// those of the benchmark's classes. Names of weights are those of the classes' state dicts; arrays are channels last, and the
// last two axes of a kernel are its inputs and its outputs.
package baseline
