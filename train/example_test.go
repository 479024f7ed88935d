package train_test

import (
	"fmt"
	"strings"

	"github.com/gowalrus/walrus/train"
)

// A run as a file and the command line describe it. Open starts it, and a misspelt key is an error that names the nearest.
func ExampleParseConfig() {
	text := []byte("data: {sets: [{path: data/shear_flow}], history: 4}\nschedule: {epochs: 20}\n")
	c, err := train.ParseConfig(text, []string{"out=runs/shear"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Out, c.Data.Sets[0].Path, c.Data.History, c.Schedule.Epochs, c.Check())
	_, err = train.ParseConfig([]byte("data: {hystory: 4}"), nil)
	lines := strings.Split(err.Error(), "\n") // the first ones show the place
	fmt.Println(lines[len(lines)-1])
	// Output:
	// runs/shear data/shear_flow 4 20 <nil>
	// data.hystory is no key (did you mean history?)
}
