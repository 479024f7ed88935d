package hook

import (
	"bytes"
	"regexp"
	"strconv"
)

// Into names the input of a program whose memory becomes that of an output, where the input is donated.
func Into(name string, output int) string { return name + into + strconv.Itoa(output) }

const into = "__into_"

var (
	inputInto   = regexp.MustCompile(`(%\w+` + into + `)(\d+)(: tensor<[^>]*>)`)
	halfProduct = regexp.MustCompile(`^\s*} : \(tensor<[^>]*x(?:bf16|f16)>, tensor<[^>]*x(?:bf16|f16)>\) ->`)
)

// Edit puts into the text of a StableHLO program what the bindings have no words for:
//
//   - the alias attribute on the inputs that Into has named. Without it XLA takes new memory for every output, and what is
//     donated is only freed;
//   - default precision on products of 16-bit operands. The bindings ask for the highest of every product that is not TF32;
//     for these it gains nothing, and it keeps XLA from its faster kernels.
func Edit(text []byte) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i, line := range lines {
		switch {
		case bytes.Contains(line, []byte("func.func @main(")):
			lines[i] = inputInto.ReplaceAll(line, []byte("$1$2$3 {tf.aliasing_output = $2 : i32}"))
		case bytes.Contains(line, []byte("HIGHEST")) && i+1 < len(lines) && halfProduct.Match(lines[i+1]):
			lines[i] = bytes.ReplaceAll(line, []byte("HIGHEST"), []byte("DEFAULT"))
		}
	}
	return bytes.Join(lines, nil)
}
