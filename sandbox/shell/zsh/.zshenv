# zsh reads this because ZDOTDIR points here; the user's own files follow, and then the same marks as in bashrc.
typeset -x TERMSTONE_ZDOTDIR=$ZDOTDIR ZDOTDIR=$HOME
[[ -r $HOME/.zshenv ]] && source "$HOME/.zshenv"
if [[ -o interactive && ( -z $TERMSTONE_TTY || /dev/fd/0 -ef $TERMSTONE_TTY ) ]]; then
  __termstone_precmd() {
    { # `set -x` writes to standard error
      printf '\e]133;D;%s;%s;%s\a' $? $TERMSTONE_MARK $$
      ZDOTDIR=$TERMSTONE_ZDOTDIR # for a nested zsh
      unsetopt bang_hist prompt_cr prompt_sp
      [[ $PS1 == *133\;* ]] || PS1+="%{"$'\e]133;B;'$TERMSTONE_MARK$'\a'"%}"
      [[ $PS2 == *133\;* ]] || PS2+="%{"$'\e]133;P;'$TERMSTONE_MARK$'\a'"%}"
    } 2>/dev/null
  }
  __termstone_preexec() { { printf '\e]133;C;%s;%s\a' $TERMSTONE_MARK $$ } 2>/dev/null }
  precmd_functions=(__termstone_precmd)
  preexec_functions=(__termstone_preexec)
fi
