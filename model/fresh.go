package model

import "math"

// What follows makes weights of networks other than Walrus, by the law of a fresh one.

// FreshZeros is a weight that begins with zeros.
func FreshZeros(name string, shape ...int) Weight {
	return Weight{Name: name, Shape: shape, law: law{kind: zeros}}
}

// FreshOnes is a weight that begins with ones.
func FreshOnes(name string, shape ...int) Weight {
	return Weight{Name: name, Shape: shape, law: law{kind: ones}}
}

// FreshConstant is a weight that begins with a number everywhere.
func FreshConstant(name string, value float64, shape ...int) Weight {
	return Weight{Name: name, Shape: shape, law: law{kind: constant, width: value}}
}

// FreshNormal is a weight that is drawn with mean 0 and the given deviation.
func FreshNormal(name string, deviation float64, shape ...int) Weight {
	return Weight{Name: name, Shape: shape, law: law{normal, deviation}}
}

// FreshFanIn is a weight of a layer with so many inputs as PyTorch draws it: uniform within one over their root.
func FreshFanIn(name string, inputs int, shape ...int) Weight {
	return Weight{Name: name, Shape: shape, law: law{uniform, 1 / math.Sqrt(float64(inputs))}}
}
