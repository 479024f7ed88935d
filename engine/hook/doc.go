// Package hook stands between GoMLX's bindings of XLA (github.com/gomlx/go-xla) and the plugin that they call: where the
// bindings lack something, it is added to the calls on their way, in a copy of the plugin's table of functions (PJRT).
//
// The one idea: everything that a newer version of the bindings, or of the plugin, could make superfluous is here and nowhere
// else. It is
//
//   - alias attributes for donated inputs and the precision of 16-bit products, which Edit writes into the program's text (in
//     the bindings: compute/xla/function.go's Parameter, stablehlo.NamedInputWithAttributes, and compute/xla/ops_dotgeneral.go);
//   - a run that does not wait for the device (pjrt/loadedexecutables.go's ExecuteAndWait);
//   - compiled programs that are kept for later processes (pjrt/compile.go's Done; PJRT_Executable_Serialize and
//     PJRT_Executable_DeserializeAndLoad);
//   - a plugin that writes programs instead of running them;
//   - memory pools of the driver that keep what is freed, for which the plugin has no option.
//
// Each is a small change there, to be offered upstream as such; when it has arrived, what is here for it goes.
package hook
