package kernel

// comparePlain defines Equal, NotEqual, Less and LessEqual.
func comparePlain(op Comparison, dst []bool, a, b []float32) {
	switch op {
	case Equal:
		for i := range dst {
			dst[i] = a[i] == b[i]
		}
	case NotEqual:
		for i := range dst {
			dst[i] = a[i] != b[i]
		}
	case Less:
		for i := range dst {
			dst[i] = a[i] < b[i]
		}
	case LessEqual:
		for i := range dst {
			dst[i] = a[i] <= b[i]
		}
	}
}

func choosePlain(dst []float32, cond []bool, a, b []float32) {
	for i := range dst {
		if cond[i] {
			dst[i] = a[i]
		} else {
			dst[i] = b[i]
		}
	}
}
