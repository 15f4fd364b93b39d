module example.com/polyarch/go-http

go 1.21
