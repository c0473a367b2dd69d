// steps.js KIND PORT CONTROL STEPS: as steps.py, by net or tls.
const net = require('net'), tls = require('tls')
const [kind, port, control, steps] = process.argv.slice(2)

const connected = (link, event) =>
  new Promise(resolve => link.once(event, () => resolve(link)))

// Until so many bytes have come.
const read = (link, length) => new Promise(resolve => {
  let got = ''
  const add = data => {
    got += data
    if (got.length < length) return
    link.off('data', add)
    resolve(got)
  }
  link.on('data', add)
})

async function main () {
  const orders = await connected(net.connect(+control, '127.0.0.1'), 'connect')
  for (const [number, one] of JSON.parse(steps).entries()) {
    const to = { port: +port, host: '127.0.0.1' }
    const link = await (kind === 'plain'
      ? connected(net.connect(to), 'connect')
      : connected(tls.connect({ ...to, servername: 'localhost',
        rejectUnauthorized: false }), 'secureConnect'))
    link.on('error', () => {})
    for (const [what, text] of one) {
      if (what === 'send') {
        await new Promise(resolve => link.write(text, resolve))
        continue
      }
      const got = read(link, text.length)
      orders.write(JSON.stringify([number, text]) + '\n')
      console.log(await got)
    }
    await new Promise(resolve => link.end(resolve))
    link.destroy()
  }
  orders.destroy()
}
main()
