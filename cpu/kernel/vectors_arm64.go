package kernel

// vectorsNeon fills in the elementwise kernels, reductions and steps of attention.
func vectorsNeon(s *Set) {
	s.unary[Neg] = negNeon
	s.unary[Abs] = absNeon
	s.unary[Sign] = signNeon
	s.unary[Square] = squareNeon
	s.unary[Sqrt] = sqrtNeon
	s.unary[Rsqrt] = rsqrtNeon
	s.unary[Reciprocal] = reciprocalNeon
	s.unary[Exp] = expNeon
	s.unary[Expm1] = expm1Neon
	s.unary[Log] = logNeon
	s.unary[Log1p] = log1pNeon
	s.unary[Tanh] = tanhNeon
	s.unary[Erf] = erfNeon
	s.unary[Sigmoid] = sigmoidNeon
	s.unary[Silu] = siluNeon
	s.unary[Gelu] = geluNeon
	s.unary[GeluTanh] = geluTanhNeon
	s.unary[Floor] = floorNeon
	s.unary[Ceil] = ceilNeon
	s.unary[Round] = roundNeon
	s.binary[Add], s.binaryScalar[Add], s.scalarBinary[Add] = addNeon, addScalarNeon, scalarAddNeon
	s.rowBinary[Add] = [2]func(dst, a, b []float32, length int){addRowsNeon, rowsAddNeon}
	s.binary[Sub], s.binaryScalar[Sub], s.scalarBinary[Sub] = subNeon, subScalarNeon, scalarSubNeon
	s.rowBinary[Sub] = [2]func(dst, a, b []float32, length int){subRowsNeon, rowsSubNeon}
	s.binary[Mul], s.binaryScalar[Mul], s.scalarBinary[Mul] = mulNeon, mulScalarNeon, scalarMulNeon
	s.rowBinary[Mul] = [2]func(dst, a, b []float32, length int){mulRowsNeon, rowsMulNeon}
	s.binary[Div], s.binaryScalar[Div], s.scalarBinary[Div] = divNeon, divScalarNeon, scalarDivNeon
	s.rowBinary[Div] = [2]func(dst, a, b []float32, length int){divRowsNeon, rowsDivNeon}
	s.binary[Max], s.binaryScalar[Max], s.scalarBinary[Max] = maxNeon, maxScalarNeon, scalarMaxNeon
	s.rowBinary[Max] = [2]func(dst, a, b []float32, length int){maxRowsNeon, rowsMaxNeon}
	s.binary[Min], s.binaryScalar[Min], s.scalarBinary[Min] = minNeon, minScalarNeon, scalarMinNeon
	s.rowBinary[Min] = [2]func(dst, a, b []float32, length int){minRowsNeon, rowsMinNeon}
	s.reduce[Sum] = sumNeon
	s.reduce[SumSquares] = sumSquaresNeon
	s.reduce[MaxOf] = maxOfNeon
	s.reduce[MinOf] = minOfNeon
	s.reduceRows[Sum], s.reduceRows[MaxOf] = sumRowsNeon, maxOfRowsNeon
	s.dot = dotNeon
	s.softmaxBlock = softmaxBlockNeon
	s.gradBlock = gradBlockNeon
	s.scaleLanes = scaleLanesNeon
	s.correlate = correlateNeon
}
