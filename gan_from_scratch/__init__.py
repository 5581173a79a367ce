"""Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661), as executable, tested code.

Read the files in this order:

    losses         the value V(D, G) and both generator losses, as functions of D's logits
    theory         the optimal D, KL, JSD and C(G) = -log 4 + 2 JSD, on densities
    distributions  toy distributions that can be sampled and whose density and cdf are known
    numpy_gan      the whole GAN by hand: forward, backward, Adam, Algorithm 1
    layers         two numbers that networks share
    networks       the same networks in Flax
    train          the same GAN by automatic differentiation
    remedies       what is added to the paper's algorithm, each in one of the seats that train offers
    dynamics       the game as a vector field: the Dirac-GAN, Jacobians, eigenvalues
    metrics        how far the generated distribution is from the true one
    checkpoint     runs that go on after an interruption
    check          the sentences that bad input ends in
    images         what images add: convolution, networks, metrics, data
    data           MNIST and CIFAR-10, handed on from images
"""
