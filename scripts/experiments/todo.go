package main

func jitter() experiment     { return experiment{} }
func adaptive() experiment   { return experiment{} }
func dimensions() experiment { return experiment{} }
func scale() experiment      { return experiment{} }
func inContext() experiment  { return experiment{} }
