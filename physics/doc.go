// Package physics measures what a frame says of the physics behind it: totals that the equations or the walls may keep (mass, momentum,
// energy), the divergence of velocity and magnetic field, whether densities and pressures are above zero, and isotropic power spectra.
//
// The one idea: no law is assumed. Each number of a prediction stands beside that of the truth at the same step and that of the last known
// frame, measured by the same formula on the same grid; what the simulation itself does not keep is not held against a model. What a grid, a
// mask or the fields do not allow is left out with a reason, never approximated in silence.
//
// The same package watches a rollout for which there is no truth: Watch compares its energy at the grid scale and its amplitude with the history.
package physics
