"""Nothing is lost, nothing is kept too long, people are told; what people do by hand."""
