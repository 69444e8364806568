/** Setup of the test project 'wide': kernels for vectors of 256 bits, which need Node 24. */
process.env.CASA_WIDE_VECTORS = '1'
