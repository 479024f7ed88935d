// Command experiments repeats the experiments of docs/experiments.md with what the program itself offers: configurations of
// train, runs that are resumed, models that surrogate opens.
//
//	go run ./scripts/experiments transfer --data data --out experiments
//
// Every number goes to OUT/results.csv as soon as it is measured, with the experiment, the arm, the data set, the seed and the rate that
// it belongs to; what is there is not computed again, so that an experiment goes on where it was stopped. plot draws the table.
package main
