# fish reads this because XDG_DATA_DIRS leads here: the same marks as in bashrc.
status is-interactive; or exit
if test -n "$TERMSTONE_TTY"; and test (realpath /proc/self/fd/0) != "$TERMSTONE_TTY"
    exit
end

function __termstone_ended --on-event fish_prompt
    set -l code $status
    printf '\e]133;D;%s;%s;%s\a' $code $TERMSTONE_MARK $fish_pid
    # Only now, as the user's own prompt is read after this file.
    functions -q __termstone_prompt; or begin
        functions -c fish_prompt __termstone_prompt
        function fish_prompt
            __termstone_prompt
            printf '\e]133;B;%s\a' $TERMSTONE_MARK
        end
    end
end

function __termstone_started --on-event fish_preexec
    printf '\e]133;C;%s;%s\a' $TERMSTONE_MARK $fish_pid
end

# What is pasted is meant as it stands: in quotes too, where fish would escape these, and a tab, which it would drop.
for key in "'" \\ " "
    bind -M paste $key self-insert
end
bind -M paste \t 'commandline -i \t'
