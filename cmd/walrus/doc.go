// Command walrus simulates, trains, rolls out and scores surrogates of continuum dynamics.
package main
