# fish completion for l2tpdump, as printed by: l2tpdump completion fish
function __l2tpdump_candidates
	set -l words (commandline -opc)
	for line in ($words[1] __complete $words[2..] "$(commandline -ct)" 2>/dev/null)
		switch $line
		case :files
			__fish_complete_path "$(commandline -ct)"
		case :folders
			__fish_complete_directories "$(commandline -ct)"
		case '*'
			echo $line
		end
	end
end
complete -c l2tpdump -f -a '(__l2tpdump_candidates)'
