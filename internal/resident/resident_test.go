package resident

import (
	"runtime"
	"testing"
)

func TestPeakSeesWhatIsWritten(t *testing.T) {
	before := Peak()
	if before == 0 {
		t.Skip("this system does not say")
	}
	const size = 256 << 20
	block := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	if after := Peak(); after < size || after < before {
		t.Errorf("%d bytes before %d were written, %d after", before, size, after)
	}
	runtime.KeepAlive(block)
}
