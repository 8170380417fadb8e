// Serves buckets from the folder that is named, on loopback, until its input ends; prints the port.
// The server looks at who signs and not at version 4 of the signature itself.
import S3rver from 's3rver'

const server = new S3rver({
  address: '127.0.0.1',
  port: 8378,
  silent: true,
  directory: process.argv[2],
  configureBuckets: [{ name: 'prices' }],
})
console.log((await server.run()).port)
process.stdin.resume().on('end', () => server.close().then(() => process.exit()))
