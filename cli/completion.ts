// `syncline completion`: a shell's completion, from the tree of commands as it is; each Tab asks the hidden command `complete`.
import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'
import { print } from './terminal.ts'

const EXAMPLES = `
The shell asks \`syncline\` itself at each Tab, so it must be on the PATH, or an alias.

Examples:
  $ source <(syncline completion bash)                                          # in ~/.bashrc
  $ source <(syncline completion zsh)                                           # in ~/.zshrc, after compinit
  $ syncline completion fish > ~/.config/fish/completions/syncline.fish`

/** What the script asks of the package bash-completion, where that is not loaded: the words as bash has them. */
const WITHOUT_BASH_COMPLETION = `declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref() {
  words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
}`

/** The tree must be there already, as far as it is to be completed. */
export const addCompletion = (root: Command): void => {
  tab(root, { completionCommandName: 'completion' })
  root.commands
    .find((command) => command.name() === 'completion')
    ?.addHelpText('after', EXAMPLES)
    .hook('preAction', (command) => {
      if (command.args[0] === 'bash') print(WITHOUT_BASH_COMPLETION)
    })
}
