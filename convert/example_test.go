package convert_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/convert"
)

func ExampleRun() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	result, err := convert.Run(context.Background(), convert.Plan{
		In: "nano", Out: filepath.Join(dir, "salty.safetensors"), Fields: []string{"salinity"}, DType: checkpoint.Float16,
	})
	if err != nil {
		log.Fatal(err)
	}
	config, err := checkpoint.ReadConfig(result.Config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Base(result.Weights), config.Fields["salinity"] > 0)
	// Output: salty.safetensors true
}
