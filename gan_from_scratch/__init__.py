"""Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661), as executable, tested code.

Read the files in this order:

    losses         the value V(D, G) and both generator losses, as functions of D's logits
    theory         the optimal D, KL, JSD and C(G) = -log 4 + 2 JSD, on densities
    distributions  toy distributions that can be sampled and whose density and cdf are known
    numpy_gan      the whole GAN by hand: forward, backward, Adam, Algorithm 1
    convolution    convolution and its transpose, as one matrix product each
    winograd       the same in fewer products, where the kernel is twice the stride
    networks       the same networks in Flax, and those of images
    train          the same GAN by automatic differentiation
    dynamics       the game as a vector field: the Dirac-GAN, Jacobians, eigenvalues
    remedies       what is added to the paper's algorithm, each off by default
    metrics        how far the generated distribution is from the true one
    data           MNIST and CIFAR-10
    checkpoint     runs that go on after an interruption
    figures        pictures
    check          the sentences that bad input ends in
"""
