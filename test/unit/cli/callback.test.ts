// What reaches the listener that a browser is sent back to, from whomever.
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { type Listener, listenForCallback } from '../../../cli/callback.ts'

let listener: Listener

afterEach(() => listener.close())

const ask = (url: string, target: string): Promise<string> => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(`GET ${target} HTTP/1.1\r\nhost: callback\r\nconnection: close\r\n\r\n`)
  return text(socket)
}

test('what is no address is not there, and the callback still comes', async () => {
  const states: string[] = []
  listener = await listenForCallback({ host: '127.0.0.1', port: 0, paths: new Set(['/callback']) }, async ({ state }) => {
    states.push(state)
    return { status: 200, page: 'done' }
  })
  for (const target of ['//', 'http://', '/other', '/callback/']) {
    expect(await ask(listener.url, target), target).toMatch(/^HTTP\/1\.1 404 /)
  }
  expect(states).toEqual([])
  expect(await ask(listener.url, '/callback?state=s&code=c')).toMatch(/^HTTP\/1\.1 200 /)
  expect(states).toEqual(['s'])
})

test('a socket that a browser opened and has not used does not hold up the end, and the page still arrives', async () => {
  listener = await listenForCallback({ host: '127.0.0.1', port: 0, paths: new Set(['/callback']) }, async () => {
    return { status: 200, page: 'connected' }
  })
  const { hostname, port } = new URL(listener.url)
  const unused = connect(Number(port), hostname)
  const ended = text(unused)
  await new Promise((resolve) => unused.once('connect', resolve))
  const page = ask(listener.url, '/callback?state=s&code=c')
  expect(await page).toContain('connected')
  await listener.close()
  expect(await ended).toBe('')
})

test('a second request behind one that ends its socket does not hold up the callback', async () => {
  const states: string[] = []
  listener = await listenForCallback({ host: '127.0.0.1', port: 0, paths: new Set(['/callback']) }, async ({ state }) => {
    states.push(state)
    return { status: 200, page: 'done' }
  })
  const { hostname, port } = new URL(listener.url)
  const both = connect(Number(port), hostname)
  const request = (target: string) => `GET ${target} HTTP/1.1\r\nhost: callback\r\n\r\n`
  both.write(request('/other') + request('/callback?state=first&code=c'))
  expect(await text(both)).toMatch(/^HTTP\/1\.1 404 /)
  expect(await ask(listener.url, '/callback?state=second&code=c')).toMatch(/^HTTP\/1\.1 200 /)
  expect(states).toEqual(['first', 'second'])
})
