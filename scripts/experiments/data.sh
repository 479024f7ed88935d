#!/bin/sh
# Simulates what walrus-nano learned from (and rayleigh_benard, which it never saw) into data/, in a few hours of two cores.
# What is complete is not made again.
set -eu
run() { bin/walrus simulate "$@" --out data --seed 11; }
for name in acoustic_scattering_discontinuous acoustic_scattering_inclusions acoustic_scattering_maze \
  euler_multi_quadrants_openBC euler_multi_quadrants_periodicBC gray_scott_reaction_diffusion shear_flow; do
  run "$name" --grid 64x64 --steps 60 --trajectories 64
done
run helmholtz_staircase --grid 64x64 --steps 50 --trajectories 64
run turbulent_radiative_layer_2D --grid 32x96 --steps 60 --trajectories 48
run flowbench_FPO_NS_2D_512x128_harmonics --grid 128x32 --steps 60 --trajectories 48
run viscoelastic_instability --grid 64x64 --steps 20 --trajectories 32
run planetswe --grid 32x64 --steps 60 --trajectories 48
run supernova_explosion_128 --grid 16x16x16 --steps 59 --trajectories 64
run turbulence_gravity_cooling --grid 16x16x16 --steps 50 --trajectories 64
run MHD_64 --grid 16x16x16 --steps 60 --trajectories 64
# Shear flow once more, of another seed: data/shear_flow_more. Four trajectories, the last by name, are for valid.
if [ ! -e data/shear_flow_more ]; then
  bin/walrus simulate shear_flow --grid 64x64 --steps 60 --trajectories 96 --splits 1,0,0 --out data/seed12 --seed 12
  mkdir -p data/seed12/shear_flow/data/valid
  for i in 0079 0080 0089 0091; do mv data/seed12/shear_flow/data/train/*_"$i".hdf5 data/seed12/shear_flow/data/valid/; done
  mv data/seed12/shear_flow data/shear_flow_more
  rmdir data/seed12
fi
run rayleigh_benard --grid 64x64 --steps 60 --trajectories 24
