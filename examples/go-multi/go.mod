module example.com/polyarch/go-multi

go 1.21
