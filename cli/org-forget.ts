import { Command } from 'commander'
export const forgetCommand = (): Command => new Command('forget').argument('<id>')
