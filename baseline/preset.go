package baseline

// Benchmark is the network of The Well's benchmark for data with the given axes and channels: the sizes of its
// configurations (the_well/benchmark/configs/model: fno.yaml, unet_classic.yaml, unet_convnext.yaml).
func Benchmark(kind Kind, dimensions, in, out int) Config {
	c := Config{Kind: kind, Dimensions: dimensions, In: in, Out: out}
	switch kind {
	case FNO:
		c.Width, c.Depth, c.Modes = 128, 4, 16
	case UNet:
		c.Width = 48
	case CNextUNet:
		c.Width, c.Depth = 42, 2
	}
	return c
}
