// Free TCP ports on the loopback interface, as the operating system hands them out.
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** `count` different ports that were free a moment ago: all are held until the last is known. */
export const freePorts = async (count: number): Promise<readonly number[]> => {
  const servers = await Promise.all(Array.from({ length: count }, listen))
  const ports = servers.map(portOf)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

const listen = async (): Promise<Server> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const portOf = (server: Server): number => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('A listening TCP server has a port')
  return address.port
}
