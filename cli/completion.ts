// `syncline completion`: a shell's completion, from the tree of commands as it is; each Tab asks the hidden command `complete`.
import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'

const EXAMPLES = `
The shell asks \`syncline\` itself at each Tab, so it must be on the PATH, or an alias. Bash needs its package bash-completion.

Examples:
  $ source <(syncline completion bash)                                          # in ~/.bashrc
  $ source <(syncline completion zsh)                                           # in ~/.zshrc, after compinit
  $ syncline completion fish > ~/.config/fish/completions/syncline.fish`

/** The tree must be there already, as far as it is to be completed. */
export const addCompletion = (root: Command): void => {
  tab(root, { completionCommandName: 'completion' })
  root.commands.find((command) => command.name() === 'completion')?.addHelpText('after', EXAMPLES)
}
