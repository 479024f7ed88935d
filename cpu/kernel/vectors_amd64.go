package kernel

//go:generate go run ./internal/asm/vector -out vector_amd64.s -stubs vector_amd64.go -pkg kernel

// vectorsWide fills in the elementwise kernels, reductions and softmax steps for AVX-512.
func vectorsWide(s *Set) {
	s.unary[Neg] = negWide
	s.unary[Abs] = absWide
	s.unary[Sign] = signWide
	s.unary[Square] = squareWide
	s.unary[Sqrt] = sqrtWide
	s.unary[Rsqrt] = rsqrtWide
	s.unary[Reciprocal] = reciprocalWide
	s.unary[Exp] = expWide
	s.unary[Expm1] = expm1Wide
	s.unary[Log] = logWide
	s.unary[Log1p] = log1pWide
	s.unary[Tanh] = tanhWide
	s.unary[Erf] = erfWide
	s.unary[Sigmoid] = sigmoidWide
	s.unary[Silu] = siluWide
	s.unary[Gelu] = geluWide
	s.unary[GeluTanh] = geluTanhWide
	s.unary[Floor] = floorWide
	s.unary[Ceil] = ceilWide
	s.unary[Round] = roundWide
	s.binary[Add], s.binaryScalar[Add], s.scalarBinary[Add] = addWide, addScalarWide, scalarAddWide
	s.rowBinary[Add] = [2]func(dst, a, b []float32, length int){addRowsWide, rowsAddWide}
	s.binary[Sub], s.binaryScalar[Sub], s.scalarBinary[Sub] = subWide, subScalarWide, scalarSubWide
	s.rowBinary[Sub] = [2]func(dst, a, b []float32, length int){subRowsWide, rowsSubWide}
	s.binary[Mul], s.binaryScalar[Mul], s.scalarBinary[Mul] = mulWide, mulScalarWide, scalarMulWide
	s.rowBinary[Mul] = [2]func(dst, a, b []float32, length int){mulRowsWide, rowsMulWide}
	s.binary[Div], s.binaryScalar[Div], s.scalarBinary[Div] = divWide, divScalarWide, scalarDivWide
	s.rowBinary[Div] = [2]func(dst, a, b []float32, length int){divRowsWide, rowsDivWide}
	s.binary[Max], s.binaryScalar[Max], s.scalarBinary[Max] = maxWide, maxScalarWide, scalarMaxWide
	s.rowBinary[Max] = [2]func(dst, a, b []float32, length int){maxRowsWide, rowsMaxWide}
	s.binary[Min], s.binaryScalar[Min], s.scalarBinary[Min] = minWide, minScalarWide, scalarMinWide
	s.rowBinary[Min] = [2]func(dst, a, b []float32, length int){minRowsWide, rowsMinWide}
	s.reduce[Sum] = sumWide
	s.reduce[SumSquares] = sumSquaresWide
	s.reduce[MaxOf] = maxOfWide
	s.reduce[MinOf] = minOfWide
	s.reduceRows[Sum], s.reduceRows[MaxOf] = sumRowsWide, maxOfRowsWide
	s.dot = dotWide
	s.softmaxBlock = softmaxBlockWide
	s.gradBlock = gradBlockWide
	s.scaleLanes = scaleLanesWide
	s.correlate = correlateWide
}

// vectorsNarrow fills in the elementwise kernels, reductions and softmax steps for AVX2.
func vectorsNarrow(s *Set) {
	s.unary[Neg] = negNarrow
	s.unary[Abs] = absNarrow
	s.unary[Sign] = signNarrow
	s.unary[Square] = squareNarrow
	s.unary[Sqrt] = sqrtNarrow
	s.unary[Rsqrt] = rsqrtNarrow
	s.unary[Reciprocal] = reciprocalNarrow
	s.unary[Exp] = expNarrow
	s.unary[Expm1] = expm1Narrow
	s.unary[Log] = logNarrow
	s.unary[Log1p] = log1pNarrow
	s.unary[Tanh] = tanhNarrow
	s.unary[Erf] = erfNarrow
	s.unary[Sigmoid] = sigmoidNarrow
	s.unary[Silu] = siluNarrow
	s.unary[Gelu] = geluNarrow
	s.unary[GeluTanh] = geluTanhNarrow
	s.unary[Floor] = floorNarrow
	s.unary[Ceil] = ceilNarrow
	s.unary[Round] = roundNarrow
	s.binary[Add], s.binaryScalar[Add], s.scalarBinary[Add] = addNarrow, addScalarNarrow, scalarAddNarrow
	s.rowBinary[Add] = [2]func(dst, a, b []float32, length int){addRowsNarrow, rowsAddNarrow}
	s.binary[Sub], s.binaryScalar[Sub], s.scalarBinary[Sub] = subNarrow, subScalarNarrow, scalarSubNarrow
	s.rowBinary[Sub] = [2]func(dst, a, b []float32, length int){subRowsNarrow, rowsSubNarrow}
	s.binary[Mul], s.binaryScalar[Mul], s.scalarBinary[Mul] = mulNarrow, mulScalarNarrow, scalarMulNarrow
	s.rowBinary[Mul] = [2]func(dst, a, b []float32, length int){mulRowsNarrow, rowsMulNarrow}
	s.binary[Div], s.binaryScalar[Div], s.scalarBinary[Div] = divNarrow, divScalarNarrow, scalarDivNarrow
	s.rowBinary[Div] = [2]func(dst, a, b []float32, length int){divRowsNarrow, rowsDivNarrow}
	s.binary[Max], s.binaryScalar[Max], s.scalarBinary[Max] = maxNarrow, maxScalarNarrow, scalarMaxNarrow
	s.rowBinary[Max] = [2]func(dst, a, b []float32, length int){maxRowsNarrow, rowsMaxNarrow}
	s.binary[Min], s.binaryScalar[Min], s.scalarBinary[Min] = minNarrow, minScalarNarrow, scalarMinNarrow
	s.rowBinary[Min] = [2]func(dst, a, b []float32, length int){minRowsNarrow, rowsMinNarrow}
	s.reduce[Sum] = sumNarrow
	s.reduce[SumSquares] = sumSquaresNarrow
	s.reduce[MaxOf] = maxOfNarrow
	s.reduce[MinOf] = minOfNarrow
	s.reduceRows[Sum], s.reduceRows[MaxOf] = sumRowsNarrow, maxOfRowsNarrow
	s.dot = dotNarrow
	s.softmaxBlock = softmaxBlockNarrow
	s.gradBlock = gradBlockNarrow
	s.scaleLanes = scaleLanesNarrow
	s.correlate = correlateNarrow
}
