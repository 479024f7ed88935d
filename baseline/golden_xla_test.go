//go:build xla

package baseline

import (
	"os"
	"testing"

	"github.com/gowalrus/walrus/engine"
)

// The same graphs through XLA, on whatever the plugin is for.
func TestForwardAndGradientsOnXLA(t *testing.T) {
	plugin := os.Getenv("WALRUS_TEST_PJRT_PLUGIN")
	if plugin == "" {
		t.Skip("set WALRUS_TEST_PJRT_PLUGIN to a plugin")
	}
	e, err := engine.Open("xla:" + plugin)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	compareWithGolden(t, e)
}
