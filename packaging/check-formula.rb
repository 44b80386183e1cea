# Checks the formula of a folder without Homebrew: what it names for each system has to be there, with
# that checksum and every file that it installs.
#
#     ruby check-formula.rb dist
require "digest"
require "tmpdir"

folder = File.expand_path(ARGV.fetch(0))

# As much of Homebrew as the formula uses.
class Formula
  class << self
    attr_reader :archives
    def desc(*) = nil
    def license(*) = nil
    def test(*) = nil
    def version(text) = text
    def on_macos(&block) = on(:macos, &block)
    def on_linux(&block) = on(:linux, &block)
    def on_arm(&block) = on(:arm, &block)
    def on_intel(&block) = on(:intel, &block)
    def url(text) = @url = text
    def sha256(sum) = (@archives ||= []) << [@system.join("/"), @url, sum]

    def on(what)
      (@system ||= []).push(what)
      yield
      @system.pop
    end
  end

  attr_reader :installed

  def initialize
    @installed = []
  end

  %i[bin man1 bash_completion zsh_completion fish_completion pkgshare].each do |place|
    define_method(place) { self }
  end

  def install_file(what)
    @installed << (what.is_a?(Hash) ? what.keys.first : what)
  end
end

load "#{folder}/l2tpdump.rb"
raise "archives for #{L2tpdump.archives.map(&:first)}" unless L2tpdump.archives.size == 4

class L2tpdump
  alias install_all install
  def install(what = nil) = what ? install_file(what) : install_all
end

L2tpdump.archives.each do |system, url, sum|
  path = url.delete_prefix("file://")
  raise "#{system}: checksum of #{path}" unless Digest::SHA256.file(path).hexdigest == sum

  Dir.mktmpdir do |to|
    Kernel.system("tar", "-xzf", path, "-C", to, "--strip-components=1", exception: true)
    formula = L2tpdump.new
    formula.install
    missing = formula.installed.reject { |name| File.exist?(File.join(to, name)) }
    raise "#{system}: no #{missing.join(", ")}" unless missing.empty? && formula.installed.size == 6
  end
end
puts "the formula fits #{L2tpdump.archives.size} archives"
