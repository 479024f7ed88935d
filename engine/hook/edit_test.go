package hook

import (
	"strings"
	"testing"
)

const text = `module @step {
  func.func @main(%x: tensor<2x3xbf16>, %w__into_0: tensor<3x4xf32>, %m__into_12: tensor<f32>) -> (tensor<3x4xf32>, tensor<f32>) {
    %1 = "stablehlo.dot_general"(%x, %x) {
      precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]
    } : (tensor<2x3xbf16>, tensor<2x3xbf16>) -> tensor<2x2xbf16>
    %2 = "stablehlo.dot_general"(%w__into_0, %w__into_0) {
      precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]
    } : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<4x4xf32>
  }
}
`

func TestEditAddsAliasesAndLeavesFloat32ProductsAlone(t *testing.T) {
	got := string(Edit([]byte(text)))
	signature := `func.func @main(%x: tensor<2x3xbf16>, %w__into_0: tensor<3x4xf32> {tf.aliasing_output = 0 : i32}, %m__into_12: tensor<f32> {tf.aliasing_output = 12 : i32}) -> (`
	if !strings.Contains(got, signature) {
		t.Errorf("the signature of\n%s\nlacks %s", got, signature)
	}
	half, rest, _ := strings.Cut(got, "%2 =")
	if strings.Contains(half, "HIGHEST") || strings.Count(half, "DEFAULT") != 2 {
		t.Errorf("the product of bfloat16 is not of default precision:\n%s", got)
	}
	if strings.Count(rest, "HIGHEST") != 2 || strings.Contains(rest, "DEFAULT") || strings.Count(got, "tf.aliasing_output") != 2 {
		t.Errorf("a product of float32 or its operands were changed:\n%s", got)
	}
	if name := Into("weight", 12); name != "weight__into_12" {
		t.Errorf("the name for output 12 is %q", name)
	}
}
