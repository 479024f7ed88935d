package fit

// The polynomials are minimax fits (Lawson's reweighted least squares) of the function named beside each, in relative
// error, over the interval that its argument is reduced to; the coefficient of the constant term comes first.
var (
	// (e^r - 1 - r)/r² for |r| <= ln(2)/2
	Exp = []float64{0.5, 1.666666567e-01, 4.166629538e-02, 8.333496749e-03, 1.394466031e-03, 1.979034569e-04}
	// (2^f - 1)/f for 0 <= f <= 1, in error relative to 2^f
	Exp2 = []float64{6.931470444e-01, 2.402293056e-01, 5.548528060e-02, 9.675451603e-03, 1.246784608e-03, 2.161291637e-04}
	// (ln(1+f) - f + f²/2)/f³ for sqrt(1/2) <= 1+f <= sqrt(2)
	Log = []float64{3.333331347e-01, -2.500000894e-01, 2.000211924e-01, -1.666799635e-01, 1.421955079e-01,
		-1.240559146e-01, 1.188817471e-01, -1.167564094e-01, 6.746601313e-02}
	// (tanh(x)/x - 1)/x² as a function of x², |x| <= 0.625
	Tanh = []float64{-3.333333135e-01, 1.333321035e-01, -5.394720286e-02, 2.170296758e-02, -8.182673715e-03, 2.147536958e-03}
	// erf(x)/x - 1 as a function of x², |x| <= 0.93
	Erf = []float64{1.283791661e-01, -3.761263490e-01, 1.128369421e-01, -2.685927041e-02, 5.200634245e-03,
		-8.137437399e-04, 8.345225069e-05}
	// -ln(1 - erf(x))/x for 0.92 <= x <= 4
	Erfc = []float64{1.128551722e+00, 6.356252432e-01, 1.052626967e-01, -2.267413773e-02, 2.930157818e-03,
		-4.958678983e-05, -4.558117871e-05, 4.938214261e-06}
)

// ln(2) as a number with trailing zeros, so that its multiples by whole numbers are exact, and the rest.
const (
	Ln2High = 0.693359375
	Ln2Low  = -2.12194440054690583e-4
)
